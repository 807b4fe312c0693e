package event

// RejectedRule is a rule of the policy's files that is not in force, with the
// first thing that is wrong with it.
//
//	{"file":"policy/rules/k8s.yml","line":5,"name":"k8s-direct-change",
//	 "message":"there is no modifier \"regex\""}
type RejectedRule struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Name    string `json:"name,omitempty"`
	Message string `json:"message"`
}
