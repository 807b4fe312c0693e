package testserver

import (
	"crypto/md5" //nolint:gosec // the protocol's checksum
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sqsNumbers are the attributes of a queue that are numbers, with AWS's limits
// and default.
var sqsNumbers = map[string]struct{ least, most, otherwise int }{
	"DelaySeconds":                  {0, 900, 0},
	"MaximumMessageSize":            {1024, 1 << 20, 1 << 20},
	"MessageRetentionPeriod":        {60, 1209600, 345600},
	"ReceiveMessageWaitTimeSeconds": {0, 20, 0},
	"VisibilityTimeout":             {0, 43200, 30},
}

// sqsKept are attributes without an effect here.
var sqsKept = []string{"Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"}

func (q *sqsQueue) number(name string) int {
	if n, err := strconv.Atoi(q.attributes[name]); err == nil {
		return n
	}
	return sqsNumbers[name].otherwise
}

func (q *sqsQueue) seconds(name string) time.Duration {
	return secondsOf(q.number(name))
}

// checkAttributes finds what cannot be set.
func (s *SQSServer) checkAttributes(attributes map[string]string) error {
	for name, value := range attributes {
		limits, isNumber := sqsNumbers[name]
		switch {
		case isNumber:
			if n, err := strconv.Atoi(value); err != nil || n < limits.least || n > limits.most {
				return faultf("InvalidAttributeValue", "Invalid value %q for the parameter %s: %d to %d", value, name, limits.least, limits.most)
			}
		case name == "RedrivePolicy":
			if _, err := s.redriveOf(value, ""); err != nil {
				return err
			}
		case !slices.Contains(sqsKept, name):
			return faultf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return nil
}

// redriveOf reads a RedrivePolicy; an empty one is none. AWS takes the count
// as a number and as a string:
//
//	{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:dead","maxReceiveCount":"5"}
func (s *SQSServer) redriveOf(policy, source string) (*sqsRedrive, error) {
	if policy == "" {
		return nil, nil
	}
	var p struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
		MaxReceiveCount     any    `json:"maxReceiveCount"`
	}
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.UseNumber()
	if err := decoder.Decode(&p); err != nil {
		return nil, faultf("InvalidAttributeValue", "RedrivePolicy %s: %v", policy, err)
	}
	var count string
	switch c := p.MaxReceiveCount.(type) {
	case json.Number:
		count = c.String()
	case string:
		count = c
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > 1000 {
		return nil, faultf("InvalidAttributeValue", "RedrivePolicy %s: maxReceiveCount is 1 to 1000", policy)
	}
	target := s.queues[p.DeadLetterTargetArn[strings.LastIndex(p.DeadLetterTargetArn, ":")+1:]]
	if target == nil || s.arnOf(target.name) != p.DeadLetterTargetArn {
		return nil, faultf("InvalidAttributeValue", "RedrivePolicy %s: there is no queue %s", policy, p.DeadLetterTargetArn)
	}
	return &sqsRedrive{target: target, source: source, maxReceives: n}, nil
}

// shownAttributes are all attributes of a queue, as GetQueueAttributes has them.
func (s *SQSServer) shownAttributes(q *sqsQueue, now time.Time) map[string]string {
	shown := maps.Clone(q.attributes)
	for name := range sqsNumbers {
		shown[name] = strconv.Itoa(q.number(name))
	}
	visible, inFlight, delayed := q.counts(now)
	shown["ApproximateNumberOfMessages"] = strconv.Itoa(visible)
	shown["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(inFlight)
	shown["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(delayed)
	shown["QueueArn"] = s.arnOf(q.name)
	shown["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	shown["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	return shown
}

// systemAttributes are what the queue itself knows of a message.
func (m *sqsMessage) systemAttributes() map[string]string {
	shown := map[string]string{
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.firstReceived.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.receives),
		"SenderId":                         sqsAccount,
		"SentTimestamp":                    strconv.FormatInt(m.sent.UnixMilli(), 10),
	}
	if m.deadFrom != "" {
		shown["DeadLetterQueueSourceArn"] = m.deadFrom
	}
	return shown
}

// chosen are the attributes asked for: by name, all of them with "All" or
// ".*", or with "prefix.*".
func chosen[V any](all map[string]V, asked []string) map[string]V {
	some := map[string]V{}
	for name, value := range all {
		if slices.ContainsFunc(asked, func(want string) bool {
			prefix, isPrefix := strings.CutSuffix(want, ".*")
			return want == "All" || want == name || isPrefix && strings.HasPrefix(name, prefix)
		}) {
			some[name] = value
		}
	}
	return some
}

// sqsAttribute is a message attribute:
//
//	{"DataType":"String","StringValue":"eu-central-1"}
type sqsAttribute struct {
	DataType    string
	StringValue *string `json:",omitempty"`
	BinaryValue []byte  `json:",omitempty"`
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // the protocol's checksum
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the checksum of message attributes, by name, each part
// behind its length.
//
// Encoding: Amazon SQS Developer Guide, "Calculating the MD5 message digest
// for message attributes".
func md5OfAttributes(attributes map[string]sqsAttribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var encoded []byte
	part := func(p []byte) {
		encoded = binary.BigEndian.AppendUint32(encoded, uint32(len(p))) //nolint:gosec // a message is 1 MiB at most
		encoded = append(encoded, p...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		part([]byte(name))
		part([]byte(a.DataType))
		if a.StringValue != nil {
			encoded = append(encoded, 1)
			part([]byte(*a.StringValue))
		} else {
			encoded = append(encoded, 2)
			part(a.BinaryValue)
		}
	}
	return md5Of(string(encoded))
}
