package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// cloudTrailEvents makes events of about 1.1 kB that look like CloudTrail's.
func cloudTrailEvents(n int) [][]byte {
	random := rand.New(rand.NewPCG(5, 6))
	events := make([][]byte, n)
	for i := range events {
		id := random.Uint64()
		events[i] = fmt.Appendf(nil, `{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROA%016X:ci","arn":"arn:aws:sts::111122223333:assumed-role/Deploy%02d/ci","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA%016X","arn":"arn:aws:iam::111122223333:role/Deploy%02d","accountId":"111122223333","userName":"Deploy%02d"},"attributes":{"creationDate":"2026-11-16T08:00:00Z","mfaAuthenticated":"false"}}},"eventTime":"2026-11-16T09:%02d:%02dZ","eventSource":"service%02d.amazonaws.com","eventName":"Describe%03d","awsRegion":"eu-central-1","sourceIPAddress":"10.%d.%d.7","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#amd64","requestParameters":{"bucketName":"acme-%06d","filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"vpc-%08x"}]}}]},"maxResults":100},"responseElements":null,"requestID":"%016x","eventID":"%016x-%016x","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
			id, i%20, id, i%20, i%20, i%60, id%60, id%40, id%200, id%200, i%200, i%1000000, uint32(id), id, id, random.Uint64())
	}
	return events
}

// benchRules makes rules of the shapes that public rules have; a few of them
// match a few of the events.
func benchRules(n int) string {
	shapes := [...]string{
		"sel: {eventSource: serviceSS.amazonaws.com, eventName: [DeleteNN, StopNN, DescribeNN]}\n" +
			"filter: {userIdentity.sessionContext.sessionIssuer.arn|endswith: /DeploySS}\ncondition: sel and not filter",
		"sel: {eventName|startswith: [CreateNN, PutNN], requestParameters.policyDocument|contains|all: ['NN', Allow]}\n" +
			"err: {errorCode|exists: true}\ncondition: sel and not err",
		"sel: {userAgent|contains: [toolNN, hackNN], sourceIPAddress|cidr: 172.16.SS.0/24}\ncondition: sel",
		"sel: {userIdentity.arn|re: 'role/(Admin|Break)NN', eventName: 'AssumeNN*'}\ncondition: 1 of sel*",
	}
	docs := make([]string, n)
	for i := range docs {
		values := strings.NewReplacer("NN", fmt.Sprintf("%03d", i), "SS", fmt.Sprintf("%02d", 10+i%20))
		docs[i] = "title: Rule\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n" + indent(values.Replace(shapes[i%len(shapes)]))
	}
	return strings.Join(docs, "---\n")
}

// BenchmarkMatch compares the engine with the plain way, in one run: decoding
// each event into maps, and walking each rule's tree.
func BenchmarkMatch(b *testing.B) {
	events := cloudTrailEvents(500)
	for _, n := range []int{1, 57, 570} {
		src := benchRules(n)
		rules, faults := sigma.ParseRules("bench.yml", []byte(src))
		p, more := engine.Compile(rules, nil)
		if err := append(faults, more...).Err(); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("engine/rules=%d", n), func(b *testing.B) {
			m := p.NewMatcher()
			var out []int
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				raw := events[i%len(events)]
				b.SetBytes(int64(len(raw)))
				var err error
				if out, err = m.Match(out[:0], cloudtrail, "", raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		reference := references(b, src, nil)
		b.Run(fmt.Sprintf("reference/rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				event, err := decode(events[i%len(events)])
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range reference {
					r.matches(view{event: event})
				}
			}
		})
	}
}

// BenchmarkDecode is the floor of any engine that decodes events into maps.
func BenchmarkDecode(b *testing.B) {
	events := cloudTrailEvents(500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var event map[string]any
		if err := json.Unmarshal(events[i%len(events)], &event); err != nil {
			b.Fatal(err)
		}
	}
}
