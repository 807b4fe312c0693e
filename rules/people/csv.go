package people

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// columns are the columns that are no product.
var columns = []string{"name", "email", "groups", "owner"}

// product is what a column of names may be called.
var product = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// csv reads a table with a header. Of several names in a field each is
// separated by ';'. A record with an owner is a service.
//
//	name,email,groups,owner,github,aws
//	zoe,zoe@partner.example,contractors,,zoe-p,arn:aws:sts::*:assumed-role/*/zoe
//	nightly-job,,,alice,,arn:aws:sts::*:assumed-role/nightly/*
func (r *reading) csv() {
	// Excel writes a byte order mark.
	t := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(r.src, []byte("\ufeff"))))
	t.ReuseRecord = true
	header, err := t.Read()
	if err != nil {
		r.fault("line 1", "it has no header: %s", csvProblem(err))
		return
	}
	at := r.header(header)
	if len(r.faults) > 0 {
		return
	}
	for {
		record, err := t.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			place, problem := csvPlace(err), csvProblem(err)
			r.fault(place, "%s", problem)
			if errors.Is(err, csv.ErrFieldCount) {
				continue // the lines that follow can be told apart
			}
			return
		}
		line, _ := t.FieldPos(0)
		if place := fmt.Sprintf("line %d", line); !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			r.fault(place, "all its fields are empty")
		} else {
			r.user(rowUser(place, at, record))
		}
	}
}

// header names the columns.
func (r *reading) header(header []string) []string {
	out := make([]string, len(header))
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		switch near := nearColumn(h); {
		case slices.Contains(out[:i], h):
			r.fault("line 1", "there are two columns %q", h)
		case near != "":
			r.fault("line 1", "there is no column %q; did you mean %q?", h, near)
		case !product.MatchString(h):
			r.fault("line 1", "column %d: %q is neither %s nor a product such as github", i+1, h, strings.Join(columns, ", "))
		}
		out[i] = h
	}
	if !slices.Contains(out, "name") && !slices.Contains(out, "email") {
		r.fault("line 1", "it needs a column name or email; the header has %s", strings.Join(out, ", "))
	}
	return out
}

// nearColumn returns what a column may have been meant to be: taken for a
// product, it would name nobody.
func nearColumn(h string) string {
	switch strings.Trim(strings.NewReplacer("-", "", "_", "", " ", "").Replace(h), "s") {
	case "name", "username", "fullname", "displayname":
		return other(h, "name")
	case "email", "mail", "emailaddre", "emial":
		return other(h, "email")
	case "group":
		return other(h, "groups")
	case "owner":
		return other(h, "owner")
	}
	return ""
}

func other(h, meant string) string {
	if h == meant {
		return ""
	}
	return meant
}

func rowUser(place string, header, record []string) User {
	u := User{Place: place, Aliases: map[string][]string{}}
	for i, field := range record {
		several := separated(field)
		switch header[i] {
		case "name":
			u.Name = strings.TrimSpace(field)
		case "email":
			u.Emails = several
		case "groups":
			u.Groups = several
		case "owner":
			u.Owner = strings.TrimSpace(field)
		default:
			if len(several) > 0 {
				u.Aliases[header[i]] = several
			}
		}
	}
	return u
}

func separated(field string) []string {
	var out []string
	for name := range strings.SplitSeq(field, ";") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func csvPlace(err error) string {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Sprintf("line %d", p.StartLine)
	}
	return ""
}

func csvProblem(err error) string {
	if errors.Is(err, io.EOF) {
		return "it is empty"
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return "it has another number of fields than the header"
	}
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
