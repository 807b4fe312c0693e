package testserver

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// sqsFault is an error in the protocol's terms.
type sqsFault struct {
	status  int
	code    string
	message string
}

func (f *sqsFault) Error() string { return f.code + ": " + f.message }

// faultf is a fault of the request.
func faultf(code, format string, args ...any) error {
	return &sqsFault{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

// refusef is a request from somebody we do not know.
func refusef(code, format string, args ...any) error {
	return &sqsFault{status: http.StatusForbidden, code: code, message: fmt.Sprintf(format, args...)}
}

// olderCodes are the errors whose code in the older query protocol is another
// one; SDKs report that one, so that programs written for it go on working.
var olderCodes = map[string]string{
	"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":              "QueueAlreadyExists",
	"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"BatchRequestTooLong":          "AWS.SimpleQueueService.BatchRequestTooLong",
	"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
	"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
	"MessageNotInflight":           "AWS.SimpleQueueService.MessageNotInflight",
	"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"UnsupportedOperation":         "AWS.SimpleQueueService.UnsupportedOperation",
}

func (f *sqsFault) olderCode() string {
	if older, ok := olderCodes[f.code]; ok {
		return older
	}
	return f.code
}

func (f *sqsFault) write(w http.ResponseWriter) {
	whose := "Sender"
	if f.status >= http.StatusInternalServerError {
		whose = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", f.olderCode()+";"+whose)
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + f.code, "message": f.message})
}
