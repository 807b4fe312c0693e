# Turns the benchmarks of this folder into a table. x-Valid is how many times as
# fast as encoding/json.Valid over the same bytes in the same run.
BEGIN { format = "%-48s %11s %9s %6s %6s %8s %9s\n"; printf format, "", "events/s", "ns/event", "x-Valid", "bound", "allocs", "MB" }
/^Benchmark/ && NF > 3 {
	name = $1; sub(/^Benchmark/, "", name); sub(/-[0-9]+$/, "", name)
	delete of
	for (i = 3; i < NF; i += 2) of[$(i + 1)] = $i
	bound = "x-Valid-bound" in of ? of["x-Valid-bound"] : ""
	if (bound != "" && of["x-Valid"] + 0 < bound + 0) { bound = bound " MISSED"; missed++ }
	printf format, name, "events/s" in of ? sprintf("%.0f", of["events/s"]) : "", sprintf("%.0f", of["ns/op"]), of["x-Valid"], bound, of["allocs/op"], of["MB-compiled"]
	next
}
/^(FAIL|panic|--- (SKIP|FAIL))/ || /SKIPPED/ { print }
END { if (missed) { print missed " bounds missed"; exit 1 } }
