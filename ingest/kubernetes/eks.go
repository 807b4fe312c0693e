package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
	"sidedoor/ingest/objects"
	"sidedoor/ingest/records"
)

// EKS is a bucket into which Firehose puts what a subscription of CloudWatch
// Logs sends it of an EKS cluster's log group.
type EKS struct {
	objects.Config `yaml:",inline"`
	// Cluster is the name of the cluster of which events are taken, if the bucket
	// has logs of several. It is the scope where the source has none.
	Cluster string `yaml:"cluster"`
}

// clusterName is what EKS lets a cluster be called.
var clusterName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

func (e *EKS) validate() error {
	err := e.Validate()
	if e.Cluster != "" && !clusterName.MatchString(e.Cluster) {
		err = errors.Join(err, fmt.Errorf("cluster: %q is no EKS cluster's name", e.Cluster))
	}
	if err != nil {
		return fmt.Errorf("eks: %w", err)
	}
	return nil
}

// folders is how Firehose sorts objects by the hour in which they began, UTC,
// if it is told nothing else.
const folders = "2006/01/02/15/"

func (e *EKS) open(in ingest.Intake) (ingest.Running, error) {
	r, err := e.reader(in)
	if err != nil {
		return ingest.Running{}, err
	}
	return ingest.Running{Run: r.Run}, nil
}

func (e *EKS) reader(in ingest.Intake) (*objects.Reader, error) {
	if in.Source.Scope == "" {
		in.Source.Scope = e.Cluster
	}
	p := eksParser{cluster: e.Cluster, skipped: func(what string) { in.Metrics.Skipped(in.Source.Name, what) }}
	return objects.Open(e.Config, in, objects.Kind{Identify: p.record, Dates: folders})
}

// auditStream begins the names of the log streams with audit events: a cluster
// has others, of the API server, the authenticator, the scheduler.
const auditStream = "kube-apiserver-audit-"

// eksParser reads the records of CloudWatch Logs.
type eksParser struct {
	cluster string // of which events are taken; empty: any
	skipped func(what string)
}

// record reads one record of a subscription:
//
//	{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/prod/cluster",
//	 "logStream":"kube-apiserver-audit-0a1b…","subscriptionFilters":["audit"],
//	 "logEvents":[{"id":"3857…","timestamp":1763283600123,"message":"{\"kind\":\"Event\",…}"}]}
//
// Where Firehose is told to take the messages out of their records, the record
// is an audit event.
func (p eksParser) record(raw []byte) ([]event.Event, error) {
	switch kind := jsonscan.GetText(raw, "messageType"); kind {
	case "DATA_MESSAGE":
	case "CONTROL_MESSAGE": // CloudWatch tries whether Firehose is there
		p.skipped("control message")
		return nil, nil
	case "":
		return records.One(Identify)(raw)
	default:
		return nil, fmt.Errorf("kubernetes: messageType %q is none that CloudWatch Logs sends", kind)
	}
	if !jsonscan.Valid(raw) {
		return nil, errors.New("kubernetes: the record is not valid JSON")
	}
	group, stream := jsonscan.GetText(raw, "logGroup"), jsonscan.GetText(raw, "logStream")
	cluster, ok := clusterOf(group)
	if !ok {
		return nil, fmt.Errorf("kubernetes: the log group %q is none of EKS, such as /aws/eks/prod/cluster", group)
	}
	if p.cluster != "" && cluster != p.cluster {
		p.skipped("other cluster")
		return nil, nil
	}
	if !strings.HasPrefix(stream, auditStream) {
		p.skipped("other log stream")
		return nil, nil
	}
	return messages(jsonscan.Get(raw, "logEvents"), stream)
}

// clusterOf returns the cluster of a log group such as /aws/eks/prod/cluster.
func clusterOf(group string) (string, bool) {
	name, ok := strings.CutPrefix(group, "/aws/eks/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, "/cluster")
}

// messages reads the log events of a record.
func messages(all []byte, stream string) (events []event.Event, err error) {
	var faults []error
	jsonscan.Elements(all, func(raw []byte) bool {
		message := []byte(jsonscan.GetText(raw, "message"))
		e, err := Identify(message)
		if err == nil {
			events = append(events, e)
			return true
		}
		f := &records.Fault{Cause: "malformed", Reason: err.Error(), Raw: message}
		if cutOff(message) {
			f.Cause = "truncated"
			f.Reason = fmt.Sprintf("kubernetes: the event is cut off at %d bytes, as CloudWatch Logs does with what is over its bound", len(message))
		}
		f.Reason += fmt.Sprintf(" (log stream %.200q, log event %.100q)", stream, jsonscan.GetText(raw, "id"))
		faults = append(faults, f)
		return true
	})
	return events, errors.Join(faults...)
}

// cutOff says whether a message is the beginning of a JSON object.
func cutOff(message []byte) bool {
	text := strings.TrimSpace(strings.TrimSuffix(string(message), "[Truncated...]"))
	var v json.RawMessage
	return strings.HasPrefix(text, "{") && errors.Is(json.NewDecoder(strings.NewReader(text)).Decode(&v), io.ErrUnexpectedEOF)
}
