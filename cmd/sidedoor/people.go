package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

type peopleCmd struct {
	List       peopleListCmd       `cmd:"" help:"List who is known, by which names."`
	Who        peopleWhoCmd        `cmd:"" help:"Say whom a name leads to, and by which alias."`
	Unresolved peopleUnresolvedCmd `cmd:"" help:"List the names that were met and that the estate does not know."`
}

// estateFlags choose the policy whose estate is asked.
type estateFlags struct {
	configFlag
	Policy []string `help:"Folder with the estate, in place of those that the configuration names." placeholder:"DIR"`
}

// load reads the policy. What is wrong with its rules is none of the business of
// a command that asks who is who; a fault in the estate is.
func (f estateFlags) load(stderr io.Writer) (*rules.Policy, error) {
	paths := f.Policy
	if len(paths) == 0 {
		cfg, err := f.configFlag.load()
		if errors.Is(err, os.ErrNotExist) {
			return nil, exit{exitUsage, fmt.Errorf("there is no %s; name it with --config, or the folder of the estate with --policy", f.Config)}
		}
		if err != nil {
			return nil, err
		}
		paths = cfg.Policy
	}
	policy, err := namedPolicy(paths)
	if policy == nil {
		return nil, err
	}
	faults, ok := errors.AsType[sigma.Faults](err)
	if ok {
		if wrong := rules.OfEstate(faults); len(wrong) > 0 {
			return nil, wrong
		}
		fmt.Fprintf(stderr, "there are %d faults in rules; sidedoor rules check shows them\n", len(faults))
		return policy, nil
	}
	return policy, err
}
