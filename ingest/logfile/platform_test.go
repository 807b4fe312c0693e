package logfile_test

// Events of the delivery platform beside GitHub's.
const (
	mergeRequest = `{"object_kind":"merge_request","user":{"username":"alice"},"project":{"path_with_namespace":"acme/shop"},"object_attributes":{"iid":7,"action":"merge","updated_at":"2026-11-16 09:00:00 UTC"}}`
	gitlabEntry  = `{"id":7,"author_id":1,"entity_id":29,"entity_type":"Project","details":{"author_name":"Alice"},"event_type":"protected_branch_removed","created_at":"2026-11-16T09:00:00.123Z"}`
	application  = `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"shop","uid":"u-1"},"status":{"operationState":{"phase":"Succeeded","startedAt":"2026-11-16T09:00:00Z","finishedAt":"2026-11-16T09:00:09Z"}}}`
	fluxEvent    = `{"involvedObject":{"kind":"Kustomization","name":"shop","namespace":"flux-system","uid":"f-1"},"reason":"ReconciliationSucceeded","severity":"info","reportingController":"kustomize-controller","timestamp":"2026-11-16T09:00:00Z"}`
	fluxObject   = `{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"shop","namespace":"apps","uid":"f-1","generation":2},"status":{"observedGeneration":2,"lastAppliedRevision":"main@sha1:c0ffee","lastAttemptedRevision":"main@sha1:c0ffee","conditions":[{"type":"Ready","status":"True","reason":"ReconciliationSucceeded","lastTransitionTime":"2026-11-16T09:00:00Z"}]}}`
	fluxPast     = `{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"shop","uid":"h-1"},"status":{"history":[{"version":7,"chartVersion":"1.2.3","lastDeployed":"2026-11-16T09:00:00Z"}]}}`
	cdevent      = `{"context":{"id":"c-9","source":"/ci","type":"dev.cdevents.pipelinerun.finished.0.2.0","timestamp":"2026-11-16T09:00:00Z"},"subject":{"id":"run-1","content":{}}}`
)
