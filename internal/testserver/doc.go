// Package testserver starts the servers that Sidedoor talks to, so that tests
// meet the real thing: a Kubernetes API server with its etcd, an S3 gateway
// with Object Lock, and a queue that speaks the protocol of SQS.
//
//	s3 := testserver.S3(t)         // versitygw
//	api := testserver.KubeAPI(t, testserver.Options{AuditWebhookKubeconfig: path})
//	sqs := testserver.SQS(t)       // in-process: no loopback emulator is to be had
//
// Every server listens on the loopback interface alone, on a free port, keeps
// its files in the test's own folder, answers before its function returns, and
// is gone when the test ends. One that does not come up fails the test with the
// last lines of its log.
//
// The programs are looked for in testtools/bin of the repository, where
// `make testtools` builds them, and then on PATH. Without them a test is
// skipped; with CI=true it fails, so that a green run has met every server.
//
// For tests only: nothing that is built into a product imports this package.
package testserver
