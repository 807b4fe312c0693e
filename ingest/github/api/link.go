package api

import (
	"net/url"
	"strings"
)

// next returns the query of the next page from Link headers, or nil.
//
//	<https://api.github.com/orgs/acme/hooks/1/deliveries?per_page=100&cursor=v1_42>; rel="next"
//
// Of the address only the query is taken: we ask the same path of the same host
// again, wherever the header may point.
func next(headers []string) url.Values {
	for rest := strings.Join(headers, ","); ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return nil
		}
		address, params, ok := strings.Cut(after, ">")
		if !ok {
			return nil
		}
		own, _, _ := strings.Cut(params, "<")
		rest = params
		if !strings.Contains(own, `rel="next"`) {
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			return nil
		}
		if q := u.Query(); len(q) > 0 {
			return q
		}
		return nil
	}
}
