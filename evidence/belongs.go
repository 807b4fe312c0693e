package evidence

import "slices"

// body is what the verifier looks at in a record.
type body struct {
	Type string `json:"type"`
	Body struct {
		ID    string `json:"id"`    // of a verdict or an alert
		Alert string `json:"alert"` // that a verdict, a delivery or a review is of
		Event struct {
			Digest string `json:"digest"`
		} `json:"event"`
		Rule struct {
			Digest string `json:"digest"`
		} `json:"rule"`
		Verdicts []struct { // of an alert
			ID string `json:"id"`
		} `json:"verdicts"`
		Alerts []signed `json:"alerts"` // of a sign-off
	} `json:"body"`
}

type signed struct {
	Alert string `json:"alert"`
}

// circle is what the records of an item may be about.
type circle struct {
	item     string
	alerts   map[string]bool
	verdicts map[string]bool
}

// circleOf draws the circle around an item: an alert has the verdicts that it
// names, and a verdict the alert that it names.
func circleOf(item string, records []body) circle {
	c := circle{item: item, alerts: map[string]bool{}, verdicts: map[string]bool{}}
	for _, r := range records {
		switch {
		case r.Type == "alert" && r.Body.ID == item:
			c.alerts[item] = true
			for _, v := range r.Body.Verdicts {
				c.verdicts[v.ID] = true
			}
		case r.Type == "verdict" && r.Body.ID == item:
			c.verdicts[item] = true
			if r.Body.Alert != "" {
				c.alerts[r.Body.Alert] = true
			}
		}
	}
	return c
}

// empty says that none of the records is of the item itself.
func (c circle) empty() bool { return !c.alerts[c.item] && !c.verdicts[c.item] }

// holds says whether a record is about the item: the review of another alert
// among its records would make it look reviewed.
func (c circle) holds(r body) bool {
	switch r.Type {
	case "verdict":
		return c.verdicts[r.Body.ID]
	case "alert":
		return c.alerts[r.Body.ID]
	case "delivery", "review":
		return c.alerts[r.Body.Alert]
	case "sign-off":
		return slices.ContainsFunc(r.Body.Alerts, func(s signed) bool { return c.alerts[s.Alert] })
	}
	return r.Type == "rule-set"
}
