// Package rules loads a policy, and turns events into matches.
//
// A policy is a folder of Sigma rules, of controls (controls.yaml) and of the
// estate (estate.yaml); several folders are laid over each other, the built-in
// pack first. A rule says in its act or approval block what its match means;
// see [Act] and [Approval]. A rule with neither is an ordinary detection: its
// match is an act that nothing can approve. A [Correlation] is made of the
// matches of rules; each match carries what it contributes to which of them.
//
// Everything that is wrong with the files is reported at once, with place and
// remedy, and what is sound is loaded all the same.
package rules
