package people

import (
	"fmt"
	"slices"
	"strings"
)

// Export is what a directory's export tells.
type Export struct {
	Users  []User
	Groups []ExportedGroup
}

// User is one record of an export: somebody, or a service if it has an owner.
type User struct {
	Place    string // "record 3", "line 7"
	ID       string // by which the export's groups refer to them
	Name     string
	Emails   []string
	Aliases  map[string][]string
	Groups   []string // by name
	Owner    string   // by name or e-mail
	Inactive bool
}

// ExportedGroup is a group of an export. Its members are IDs of users and of
// groups of the same export; those that the export lacks are passed over.
type ExportedGroup struct {
	Place, ID, Name string
	Members         []string
}

// Fault is what is wrong with an export, or with what several say together.
type Fault struct {
	File    string // of the export
	Place   string // in it; empty if it is the whole file
	Message string
}

// Error gives the file, the place in it, and what is wrong.
func (f Fault) Error() string {
	if f.Place == "" {
		return f.File + ": " + f.Message
	}
	return f.File + ", " + f.Place + ": " + f.Message
}

// Bounds on one export.
const (
	MaxSize    = 32 << 20 // bytes
	maxRecords = 200_000
	maxNames   = 1_000   // of one record: e-mails, aliases, groups
	maxMembers = 100_000 // of one group
	maxName    = 2_000   // bytes
	maxFaults  = 20      // more of them tell nobody more
)

// formats are the readers, by what estate.yaml calls them.
var formats = map[string]func(*reading){
	"csv":         (*reading).csv,
	"github-saml": (*reading).githubSAML,
	"scim":        (*reading).scim,
}

// Formats are the names of the formats that can be read.
func Formats() []string { return []string{"csv", "github-saml", "scim"} }

// Read reads an export in one of the [Formats]. What is sound in it is returned
// even if there are faults.
func Read(format, file string, src []byte) (*Export, []Fault) {
	r := &reading{file: file, src: src, out: &Export{}}
	read := formats[format]
	switch {
	case read == nil:
		r.fault("", "format %q is none of %s", format, strings.Join(Formats(), ", "))
	case len(src) > MaxSize:
		r.fault("", "it has %d bytes; %d are allowed", len(src), MaxSize)
	default:
		read(r)
	}
	return r.out, r.faults
}

// reading is one export while it is read.
type reading struct {
	file   string
	src    []byte
	out    *Export
	faults []Fault
	full   bool
}

func (r *reading) fault(place, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, Fault{r.file, place, fmt.Sprintf(format, args...)})
	}
}

// user keeps somebody, if there is a name by which they are known.
func (r *reading) user(u User) {
	emails := u.Emails[:0]
	for _, e := range u.Emails {
		if e = strings.ToLower(strings.TrimSpace(e)); e != "" && !slices.Contains(emails, e) {
			emails = append(emails, e)
		}
	}
	u.Emails = emails
	count := len(u.Emails) + len(u.Groups)
	long := len(u.Name)
	for _, names := range u.Aliases {
		count += len(names)
	}
	for _, n := range names(slices.Concat(u.Emails, u.Groups), u.Aliases) {
		long = max(long, len(n.Name))
	}
	switch {
	case r.crowded():
	case u.Name == "" && len(u.Emails) == 0:
		r.fault(u.Place, "it names nobody: there is neither a name nor an e-mail")
	case count > maxNames:
		r.fault(u.Place, "it has %d names and groups; %d are allowed", count, maxNames)
	case long > maxName:
		r.fault(u.Place, "a name has %d bytes; %d are allowed", long, maxName)
	default:
		if u.Name == "" {
			u.Name = u.Emails[0]
		}
		r.out.Users = append(r.out.Users, u)
	}
}

func (r *reading) group(g ExportedGroup) {
	switch {
	case r.crowded():
	case g.Name == "":
		r.fault(g.Place, "a group needs a displayName")
	case len(g.Name) > maxName:
		r.fault(g.Place, "a name has %d bytes; %d are allowed", len(g.Name), maxName)
	case len(g.Members) > maxMembers:
		r.fault(g.Place, "the group has %d members; %d are allowed", len(g.Members), maxMembers)
	default:
		r.out.Groups = append(r.out.Groups, g)
	}
}

// crowded says whether the export holds all that one may, and reports it once.
func (r *reading) crowded() bool {
	if len(r.out.Users)+len(r.out.Groups) < maxRecords {
		return false
	}
	if !r.full {
		r.full = true
		r.fault("", "it has more than %d records", maxRecords)
	}
	return true
}
