package demo

import "time"

// approvalForm is an event of the approvals feed that approves something.
type approvalForm struct {
	To        string        `yaml:"to"`        // none: anybody
	By        string        `yaml:"by"`        // none: nobody else was asked
	Scope     string        `yaml:"scope"`     // none: only its reference is referred to
	Lasts     time.Duration `yaml:"lasts"`     // none: for good
	Starts    time.Duration `yaml:"starts"`    // so much later than it is given
	Backdated time.Duration `yaml:"backdated"` // it claims to hold since then
	Reference string        `yaml:"reference"`
	Reason    string        `yaml:"reason"`
}

type typed struct {
	*approvalForm
	kind string
}

func (f typed) write(s *scribe, at time.Time) error {
	a := approval{Scope: f.Scope, From: at.Add(f.Starts - f.Backdated), Reference: f.Reference, Reason: f.Reason}
	if f.Lasts > 0 {
		a.Until = at.Add(f.Starts + f.Lasts)
	}
	var err error
	if a.Actor, err = s.email(f.To); err != nil {
		return err
	}
	if a.Approver, err = s.email(f.By); err != nil {
		return err
	}
	s.approve(at, f.kind, a)
	return nil
}

// email returns that of somebody of the cast; none if nobody is named.
func (s *scribe) email(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	p, err := s.person(name)
	return p.Email, err
}

// revocationForm takes an approval back that the feed has told of.
type revocationForm struct {
	Kind      string        `yaml:"kind"`
	Reference string        `yaml:"reference"`
	Backdated time.Duration `yaml:"backdated"` // it claims to have been taken back then
}

func (f *revocationForm) write(s *scribe, at time.Time) error {
	s.tell(at, typeRevocation, revocation{Kind: f.Kind, Reference: f.Reference, At: at.Add(-f.Backdated)})
	return nil
}

// buildForm is the pipeline making an image of a beat's commit, and attesting it.
type buildForm struct {
	Repo string `yaml:"repo"`
	Of   string `yaml:"of"` // title of the beat with the commit; none: this one
}

func (f *buildForm) write(s *scribe, at time.Time) error {
	sha, err := s.commitOf(f.Of)
	if err != nil {
		return err
	}
	s.attest(at, f.Repo, sha, s.runID())
	return nil
}

// syncForm is Argo CD bringing an image into the cluster: that of a beat's
// commit, or another.
type syncForm struct {
	Repo  string `yaml:"repo"`
	Of    string `yaml:"of"`    // title of the beat with the commit; none: this one
	Image string `yaml:"image"` // none: what was made of the commit
}

func (f *syncForm) write(s *scribe, at time.Time) error {
	if f.Image != "" {
		s.sync(at, f.Repo, f.Image)
		return nil
	}
	sha, err := s.commitOf(f.Of)
	if err != nil {
		return err
	}
	s.sync(at, f.Repo, s.image(f.Repo, sha))
	return nil
}
