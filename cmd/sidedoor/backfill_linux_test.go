package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sidedoor/ingest/cloudtrail/trailtest"
	"sidedoor/internal/testserver"
)

// maxResident is the most memory that a back-fill may have resident, in MB,
// however much it fetches.
const maxResident = 150

// call is a CloudTrail record of usual size, 1.2 kB.
const call = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE%[1]d:deployer","arn":"arn:aws:sts::111122223333:assumed-role/deployer/%[1]d","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%[1]d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/deployer","accountId":"111122223333","userName":"deployer"},"attributes":{"creationDate":"2026-11-16T08:30:00Z","mfaAuthenticated":"false"}}},"eventTime":%[2]q,"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1","sourceIPAddress":"10.0.%[3]d.%[4]d","userAgent":"aws-sdk-go-v2/1.48.0 ua/2.1 os/linux lang/go#1.26 md/GOOS#linux md/GOARCH#amd64 api/ec2","requestParameters":{"instancesSet":{"items":[{"instanceId":"i-0%[1]d"}]},"filterSet":{}},"responseElements":null,"requestID":"0d2f5b0a-0000-4000-8000-%012[1]d","eventID":"3b1c9d6e-0000-4000-8000-%012[1]d","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ec2.eu-west-1.amazonaws.com"}}`

// fill puts a day of records into the bucket, in log files that hold as many each, with their digest files.
func fill(c *testserver.Cloud, trail *trailtest.Trail, records, each int) time.Time {
	begin := time.Date(2026, 11, 16, 0, 5, 0, 0, time.UTC)
	at, hour := begin, begin.Truncate(time.Hour).Add(time.Hour)
	var logs []trailtest.Object
	step := 23 * time.Hour / time.Duration(max(records/each, 1))
	for n := 0; n < records; n += each {
		all := make([]string, each)
		for i := range all {
			all[i] = fmt.Sprintf(call, n+i, at.Format(time.RFC3339), n/256%256, n%256)
		}
		o := trail.Log(at, all...)
		c.Put(o.Key, o.Body, nil)
		logs = append(logs, trailtest.Object{Key: o.Key, Body: o.Body})
		if at = at.Add(step); !at.Before(hour) || n+each >= records {
			d := trail.Digest(hour, logs...)
			c.Put(d.Key, d.Body, d.Metadata)
			logs, hour = nil, hour.Add(time.Hour)
		}
	}
	return begin
}

// BenchmarkBackfill fetches a day of a trail from S3, checks its digest files,
// and stores it in a new installation; the program is a process of its own.
func BenchmarkBackfill(b *testing.B) {
	for _, records := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(records, " records"), func(b *testing.B) {
			c := testserver.AWS(b)
			trail := trailtest.New(c.Bucket, "111122223333", "eu-west-1")
			begin := fill(c, trail, records, 2000)
			b.ResetTimer()
			for range b.N {
				resident, took := backfillOnce(b, c, trail, begin, records)
				b.ReportMetric(float64(records)/took.Seconds(), "records/s")
				b.ReportMetric(resident, "MB-resident")
				if resident > maxResident {
					b.Errorf("%.0f MB are resident, more than %d", resident, maxResident)
				}
			}
		})
	}
}

func backfillOnce(b *testing.B, c *testserver.Cloud, trail *trailtest.Trail, begin time.Time, records int) (resident float64, took time.Duration) {
	dir := b.TempDir()
	config := fmt.Sprintf("name: bench\nsources:\n  - {name: trail, cloudtrail: {bucket: %s, endpoint: %q, digest-keys: keys.json}}\n", c.Bucket, c.Endpoint)
	for name, content := range map[string]string{"sidedoor.yaml": config, "keys.json": string(trail.PublicKeys())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command("sidedoor", "backfill", "trail", "--config", filepath.Join(dir, "sidedoor.yaml"),
		"--from", begin.Format(time.DateOnly), "--to", begin.AddDate(0, 0, 1).Format(time.DateOnly))
	started := time.Now()
	out, err := cmd.CombinedOutput()
	took = time.Since(started)
	if err != nil || !strings.Contains(string(out), fmt.Sprint(records, " events stored")) || strings.Contains(string(out), " missing ") && !strings.Contains(string(out), "0 missing") {
		b.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Skip("this system does not say how much memory a process had")
	}
	return float64(usage.Maxrss) / 1024, took
}
