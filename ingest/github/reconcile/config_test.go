package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"sidedoor/ingest/github/reconcile"
)

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	good := reconcile.Config{Organization: "acme", HookID: 7, TokenFile: "t"}
	for _, c := range []reconcile.Config{good, {Repository: "acme/.github", HookID: 7, TokenFile: "t"}, {AppID: "1", KeyFile: "k"}} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	for want, c := range map[string]reconcile.Config{
		"exactly one of organization, repository, app-id": {Organization: "a", Repository: "a/b"},
		"is no organisation's name":                       {Organization: "a/../b", HookID: 7, TokenFile: "t"},
		"is not of the form owner/name":                   {Repository: "shop", HookID: 7, TokenFile: "t"},
		"\"acme/..\" is not of the form":                  {Repository: "acme/..", HookID: 7, TokenFile: "t"},
		"hook-id is missing":                              {Organization: "acme", TokenFile: "t"},
		"token-file is missing":                           {Organization: "acme", HookID: 7},
		"key-file is missing":                             {AppID: "1"},
		"leave out hook-id and token-file":                {AppID: "1", KeyFile: "k", HookID: 7},
		"key-file goes with app-id":                       {Organization: "acme", HookID: 7, TokenFile: "t", KeyFile: "k"},
		"every: 1s is not between 1m0s and 1h0m0s":        {Organization: "acme", HookID: 7, TokenFile: "t", Every: time.Second},
		"is not encrypted":                                {Organization: "acme", HookID: 7, TokenFile: "t", API: "http://ghe.example.com/api/v3"},
		"is no URL":                                       {Organization: "acme", HookID: 7, TokenFile: "t", API: "ghe"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", c, err, want)
		}
	}
}
