package review

import (
	"fmt"
	"strings"
	"time"

	"sidedoor/event"
)

// statement is what the signer says, computed from the state and in full
// sentences. It does not judge how well the monitor worked: that is for the
// evidence beside it.
func statement(c Control, w Week, so event.SignOff, items []Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "I, %s, performed the weekly bypass review of control %s", so.Signer, c.ID)
	if c.Title != "" {
		fmt.Fprintf(&b, " (%s)", c.Title)
	}
	fmt.Fprintf(&b, " for week %s, %s to %s UTC, on the records up to number %d.", w,
		w.Start().Format(time.DateTime), w.End().Format(time.DateTime), so.Through)
	if len(items) == 0 {
		b.WriteString(" The week contained no alerts.")
	} else {
		fmt.Fprintf(&b, " I reviewed the week's %s: %s. Each was decided by somebody who is not its actor and gave no approval that was considered for it.",
			count(len(items), "alert"), byDisposition(so.Alerts))
	}
	if late := countLate(items); late > 0 {
		fmt.Fprintf(&b, " Of these, %s carried over from an earlier week that was already signed off.", count(late, "alert was", "alerts were"))
	}
	if so.Undetermined == 0 {
		b.WriteString(" No act of the week was left undetermined.")
	} else {
		fmt.Fprintf(&b, " %s of the week could not be judged, because an approving source was behind.", count(so.Undetermined, "act"))
	}
	if decided(so.Signer, items) {
		b.WriteString(" Exception: I decided alerts of this week myself, because the control has nobody else who is independent.")
	}
	if so.Comment != "" {
		fmt.Fprintf(&b, " Comment: %s", so.Comment)
	}
	return b.String()
}

// byDisposition counts in the taxonomy's order, zeros included, so that
// statements of different weeks can be compared.
func byDisposition(items []event.SignedItem) string {
	n := map[event.Disposition]int{}
	for _, i := range items {
		n[i.Disposition]++
	}
	return fmt.Sprintf("%d authorised with a prior approval, %d emergency, %d policy violation, %d false positive",
		n[event.Authorised], n[event.Emergency], n[event.PolicyViolation], n[event.FalsePositive])
}

func countLate(items []Item) int {
	n := 0
	for _, i := range items {
		if i.Late {
			n++
		}
	}
	return n
}

// count is a number with its noun, in the plural where it belongs.
func count(n int, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
