package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Company is where the week takes place.
type Company struct {
	Name         string `yaml:"name"`
	Organisation string `yaml:"organisation"` // on GitHub
	Domain       string `yaml:"domain"`
	Account      string `yaml:"account"` // of production, on AWS
	Region       string `yaml:"region"`
	Cluster      string `yaml:"cluster"`
}

// Person is one of the cast.
type Person struct {
	Name  string `yaml:"name"` // as in the estate
	Role  string `yaml:"role"`
	Group string `yaml:"group"` // in the cluster

	Email  string `yaml:"-"`
	GitHub string `yaml:"-"` // their login
}

// session is the name of the person's sessions on AWS.
func (p Person) session() string {
	name, _, _ := strings.Cut(p.Email, "@")
	return name
}

// cast is what cast.yaml says, with the names that the estate knows.
type cast struct {
	Company  Company   `yaml:"company"`
	Week     string    `yaml:"week"` // a Monday, as 2026-11-16
	People   []Person  `yaml:"people"`
	Services []string  `yaml:"services"`
	monday   time.Time // of the week, at midnight

	groups map[string][]string // of the estate: names of the members
}

// estate is what the demo needs to know of the policy's estate.
type estate struct {
	People []struct {
		Name    string              `yaml:"name"`
		Email   string              `yaml:"email"`
		Aliases map[string][]string `yaml:"aliases"`
	} `yaml:"people"`
	Groups []struct {
		Name    string   `yaml:"name"`
		Members []string `yaml:"members"`
	} `yaml:"groups"`
}

func readYAML(fsys fs.FS, name string, to any, opts ...yaml.DecodeOption) error {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(src, to, opts...); err != nil {
		return fmt.Errorf("scenario: %s: %s", name, yaml.FormatError(err, false, true))
	}
	return nil
}

func loadCast(fsys fs.FS) (*cast, error) {
	var c cast
	var e estate
	if err := readYAML(fsys, "cast.yaml", &c, yaml.Strict()); err != nil {
		return nil, err
	}
	if err := readYAML(fsys, "policy/estate.yaml", &e); err != nil {
		return nil, err
	}
	var err error
	if c.monday, err = time.Parse(time.DateOnly, c.Week); err != nil {
		return nil, fmt.Errorf("scenario: cast.yaml: week: %q is not a day, such as 2026-11-16", c.Week)
	}
	if len(c.Services) == 0 {
		return nil, errors.New("scenario: cast.yaml: services: there is none")
	}
	c.introduce(e)
	c.groups = map[string][]string{}
	for _, g := range e.Groups {
		c.groups[g.Name] = g.Members
	}
	return &c, nil
}

// introduce gives the cast the names that the estate knows them by.
func (c *cast) introduce(e estate) {
	for i := range c.People {
		p := &c.People[i]
		for _, known := range e.People {
			if known.Name != p.Name {
				continue
			}
			p.Email = known.Email
			if logins := known.Aliases["github"]; len(logins) > 0 {
				p.GitHub = logins[0]
			}
		}
	}
}

// person finds somebody of the cast by name.
func (c *cast) person(name string) (Person, error) {
	for _, p := range c.People {
		if p.Name == name && p.Email != "" {
			return p, nil
		}
	}
	return Person{}, fmt.Errorf("%q is not in both cast.yaml and policy/estate.yaml", name)
}

// role returns the people whose role begins with the given words.
func (c *cast) role(words string) []Person {
	var found []Person
	for _, p := range c.People {
		if strings.HasPrefix(p.Role, words) {
			found = append(found, p)
		}
	}
	return found
}

// at returns a moment of the week: a day from 0 for Monday, and a time of day.
func (c *cast) at(day int, clock time.Duration) time.Time {
	return c.monday.AddDate(0, 0, day).Add(clock)
}

// moment reads a moment of the week, such as "Mon 09:12".
func (c *cast) moment(s string) (time.Time, error) {
	name, clock, _ := strings.Cut(s, " ")
	t, err := time.Parse("15:04", clock)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a moment of the week; write %q", s, "Mon 09:12")
	}
	for day := range 7 {
		if c.at(day, 0).Format("Mon") == name {
			return c.at(day, time.Duration(t.Hour())*time.Hour+time.Duration(t.Minute())*time.Minute), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no day of the week; write %q", name, "Mon 09:12")
}
