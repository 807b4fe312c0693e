package cloudtrail

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/smithy-go"
)

// keyring has the public keys of trails.
type keyring interface {
	// key returns the key with a fingerprint that was in use in a region at a
	// time, or nil if there is none. The error says that it could not be asked.
	key(ctx context.Context, region, fingerprint string, at time.Time) (*rsa.PublicKey, error)
}

// keyFile is keys as `aws cloudtrail list-public-keys` prints them, by their
// fingerprint.
type keyFile map[string]*rsa.PublicKey

func (f keyFile) key(_ context.Context, _, fingerprint string, _ time.Time) (*rsa.PublicKey, error) {
	return f[fingerprint], nil
}

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 8 << 20

func readKeys(path string) (keyFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("digest-keys: %w", err)
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("digest-keys: %s has more than %d bytes", path, maxKeyFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("digest-keys: %w", err)
	}
	keys, err := parseKeys(b)
	if err != nil {
		return nil, fmt.Errorf("digest-keys: %s: %w; it is to hold what this prints: aws cloudtrail list-public-keys --region REGION --start-time TIME", path, err)
	}
	return keys, nil
}

func parseKeys(b []byte) (keyFile, error) {
	var list struct {
		PublicKeyList []struct{ Value, Fingerprint string }
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	if len(list.PublicKeyList) == 0 {
		return nil, errors.New("there is no key in its PublicKeyList")
	}
	keys := keyFile{}
	for i, k := range list.PublicKeyList {
		der, err := base64.StdEncoding.DecodeString(k.Value)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		if keys[k.Fingerprint], err = x509.ParsePKCS1PublicKey(der); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
	}
	return keys, nil
}

// api asks AWS for keys, and remembers them.
type api struct {
	client func(region string) (*cloudtrail.Client, error)
	now    func() time.Time

	mu   sync.Mutex
	keys map[string]keyFile // by region
}

// around is by how much earlier and later than a file's time its key is looked for.
const around = 24 * time.Hour

func (a *api) key(ctx context.Context, region, fingerprint string, at time.Time) (*rsa.PublicKey, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.keys[region][fingerprint]; k != nil {
		return k, nil
	}
	client, err := a.client(region)
	if err != nil {
		return nil, err
	}
	until := at.Add(around)
	if now := a.now(); until.After(now) {
		until = now
	}
	pages := cloudtrail.NewListPublicKeysPaginator(client, &cloudtrail.ListPublicKeysInput{
		StartTime: aws.Time(at.Add(-around)), EndTime: aws.Time(until),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorCode() == "InvalidTimeRangeException" {
			return nil, nil // no trail signed then
		}
		if err != nil {
			return nil, explainedKeys(region, err)
		}
		for _, k := range page.PublicKeyList {
			if err := a.keep(region, aws.ToString(k.Fingerprint), k.Value); err != nil {
				return nil, err
			}
		}
	}
	return a.keys[region][fingerprint], nil
}

func (a *api) keep(region, fingerprint string, der []byte) error {
	k, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return fmt.Errorf("public key %s of %s: %w", fingerprint, region, err)
	}
	if a.keys == nil {
		a.keys = map[string]keyFile{}
	}
	if a.keys[region] == nil {
		a.keys[region] = keyFile{}
	}
	a.keys[region][fingerprint] = k
	return nil
}

func explainedKeys(region string, err error) error {
	if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorCode() == "AccessDeniedException" {
		return fmt.Errorf("the public keys of trails in %s: access is denied: allow cloudtrail:ListPublicKeys, or name a file with them as digest-keys: %w", region, err)
	}
	return fmt.Errorf("the public keys of trails in %s: %w", region, err)
}
