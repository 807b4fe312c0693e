package reconcile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// delivery is an attempt to deliver an event, as GitHub lists it. All attempts of
// an event have its GUID.
//
//	{"id":12345678,"guid":"0b989ba4-…","delivered_at":"2019-06-03T00:57:16Z","redelivery":false,
//	 "status":"OK","status_code":200,"event":"issues","action":"opened"}
type delivery struct {
	ID         int64     `json:"id"`
	GUID       string    `json:"guid"`
	At         time.Time `json:"delivered_at"`
	Redelivery bool      `json:"redelivery"`
	Status     string    `json:"status"`
	Code       int       `json:"status_code"`
	Event      string    `json:"event"`
}

// ok says whether GitHub was told that the delivery was taken.
func (d delivery) ok() bool { return d.Code/100 == 2 }

// outcome is the delivery's end by what GitHub says, for people.
func (d delivery) outcome() string {
	if d.Code >= 100 && d.Code < 600 {
		return fmt.Sprintf("status %d", d.Code)
	}
	if plain.MatchString(d.Status) {
		return d.Status
	}
	return "no status"
}

var (
	// guid is what an event may be called. It goes into texts for people.
	guid = regexp.MustCompile(`^[0-9A-Za-z-]{1,100}$`)
	// name is what a kind of event may be called.
	name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	// plain is a status that needs no quotes.
	plain = regexp.MustCompile(`^[A-Za-z0-9 ,.:'()-]{1,60}$`)
)

// parseDeliveries reads a page of the list. One that cannot be understood is an
// error of the page: left out, it would never be missed.
func parseDeliveries(page []byte) ([]delivery, error) {
	var list []delivery
	if err := json.Unmarshal(page, &list); err != nil {
		return nil, fmt.Errorf("list of deliveries: %w", err)
	}
	for i, d := range list {
		switch {
		case !guid.MatchString(d.GUID):
			return nil, fmt.Errorf("list of deliveries: number %d has no GUID but %.100q", i, d.GUID)
		case d.ID <= 0:
			return nil, fmt.Errorf("list of deliveries: %s has no id", d.GUID)
		case d.At.Year() < 2008 || d.At.Year() > 9999:
			return nil, fmt.Errorf("list of deliveries: %s has no time", d.GUID)
		case !name.MatchString(d.Event):
			return nil, fmt.Errorf("list of deliveries: %s names no event but %.100q", d.GUID, d.Event)
		}
		list[i].At = d.At.UTC()
	}
	return list, nil
}

// hopeless says whether an attempt that GitHub refuses is not worth another try:
// it no longer has the delivery.
func hopeless(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
