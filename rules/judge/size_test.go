package judge

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
)

// A field that is added to a verdict, and not counted, is found by this.
func TestNoVerdictTakesMoreBytesThanItsMost(t *testing.T) {
	text := rapid.OneOf(rapid.StringN(0, 9, -1), rapid.SampledFrom([]string{"", "<<<<", "\x00\x01", "\xff\xff", "\u2028", `"\`, strings.Repeat("\x00", 50)}))
	cfg := rapid.MakeConfig{
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[time.Time]():     rapid.SampledFrom([]time.Time{{}, time.Date(2026, 11, 16, 9, 0, 0, 123_456_789, time.UTC)}).AsAny(),
			reflect.TypeFor[event.Digest]():  rapid.Just(event.Digest{}).AsAny(),
			reflect.TypeFor[time.Duration](): rapid.SampledFrom([]time.Duration{0, 1, -1 << 63}).AsAny(),
			reflect.TypeFor[int]():           rapid.SampledFrom([]int{0, 1, -1 << 63}).AsAny(),
			reflect.TypeFor[string]():        text.AsAny(),
			reflect.TypeFor[event.Why]():     rapid.Just(event.RecordedAfter).AsAny(),
			reflect.TypeFor[event.State]():   rapid.Just(event.Undetermined).AsAny(),
			reflect.TypeFor[event.Level]():   rapid.Just(event.Informational).AsAny(),
		},
		Fields: map[reflect.Type]map[string]*rapid.Generator[any]{ // they hold themselves
			reflect.TypeFor[event.Requirement](): {"Also": rapid.Just[[]event.Requirement](nil).AsAny()},
			reflect.TypeFor[event.Considered]():  {"Links": rapid.Just[[]event.Considered](nil).AsAny()},
		},
	}
	verdict, requirements, links := rapid.MakeCustom[event.Verdict](cfg), rapid.MakeCustom[[]event.Requirement](cfg), rapid.MakeCustom[[]event.Considered](cfg)
	rapid.Check(t, func(rt *rapid.T) {
		v := verdict.Draw(rt, "verdict")
		if len(v.Required) > 0 {
			v.Required[0].Also = requirements.Draw(rt, "also")
		}
		if len(v.Considered) > 0 {
			v.Considered[0].Links = links.Draw(rt, "links")
		}
		b, err := json.Marshal(event.VerdictRecord(v, time.Date(2026, 11, 16, 9, 0, 0, 123_456_789, time.UTC)))
		if err != nil {
			rt.Fatal(err)
		}
		if most := mostBytes(&v); most < len(b) {
			rt.Fatalf("at most %d bytes, and takes %d: %s", most, len(b), b)
		}
	})
}
