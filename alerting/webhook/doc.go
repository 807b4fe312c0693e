// Package webhook posts alerts to any HTTPS endpoint, signed, so that the
// receiver can verify who sent them and drop duplicates.
//
//	POST /hook
//	Content-Type: application/json
//	webhook-id: 9f2c0c1d2e3f4a5b.1
//	webhook-timestamp: 1795255200
//	webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//
//	{"id":"9f2c0c1d2e3f4a5b.1","type":"sidedoor.alert","revision":1,"severity":"high",
//	 "changed":"New alert.","decide":"sidedoor review decide 9f2c0c1d2e3f4a5b","alert":{…}}
//
// The signature is HMAC-SHA256 over "id.timestamp.body". The id is that of the
// alert's revision: attempts at one message carry the same.
//
// Headers and signature: Standard Webhooks, version 1.0.0.
package webhook
