package main

type rulesBenchCmd struct{}
