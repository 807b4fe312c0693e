# Turns the benchmarks of how fast events are taken in into a table. x-bare is the
# share of the rate of a bare loop that publishes the same events to the same kind
# of stream, and x-batch that of one which has our batches ready beforehand.
BEGIN { format = "%-28s %11s %11s %8s %14s %8s %14s\n"; printf format, "", "events/s", "bare loop", "x-bare", "bound", "x-batch", "bound" }
function held(of, name) {
	if (of[name] + 0 >= of[name "-bound"] + 0) return of[name "-bound"]
	missed++
	return of[name "-bound"] " MISSED"
}
/^Benchmark/ && /x-bare/ {
	name = $1; sub(/^Benchmark/, "", name); sub(/-[0-9]+$/, "", name)
	delete of
	for (i = 3; i < NF; i += 2) of[$(i + 1)] = $i
	printf format, name, sprintf("%.0f", of["events/s"]), sprintf("%.0f", of["bare-events/s"]), of["x-bare"], held(of, "x-bare"), of["x-batch"], held(of, "x-batch")
}
/^(FAIL|panic|--- (SKIP|FAIL))/ { print; missed++ }
END { if (missed) { print missed " bounds missed"; exit 1 } }
