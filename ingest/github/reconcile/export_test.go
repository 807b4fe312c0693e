package reconcile

import "time"

// Hurry has a pass wait only so long for what it asked for.
func (r *Reconciler) Hurry(d time.Duration) { r.wait = d }

// Parse reads a page of the list.
func Parse(page []byte) (deliveries int, err error) {
	list, err := parseDeliveries(page)
	return len(list), err
}
