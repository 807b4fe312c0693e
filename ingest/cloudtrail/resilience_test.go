package cloudtrail_test

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/cloudtrail/trailtest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/objects"
	"sidedoor/internal/testserver"
)

// chainTest is a trail whose digest files are checked by clocks of the test's.
type chainTest struct {
	*morning
	t     *testing.T
	cloud *testserver.Cloud
	cfg   cloudtrail.Config
	sink  ingesttest.Recorder
}

func newChainTest(t *testing.T) *chainTest {
	c := testserver.AWS(t)
	m := newMorning(trailtest.New(c.Bucket, "111122223333", "eu-west-1"))
	cfg := cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Endpoint: c.Endpoint}, DigestKeys: keysOf(t, m.Trail)}
	return &chainTest{morning: m, t: t, cloud: c, cfg: cfg}
}

func (c *chainTest) put(all ...trailtest.Object) {
	for _, o := range all {
		c.cloud.Put(o.Key, o.Body, o.Metadata)
	}
}

// until runs the source until a proof is told that begins so and holds a part.
func (c *chainTest) until(now time.Time, wants ...string) {
	c.t.Helper()
	stop := trail(c.t, &c.sink, c.cfg, now)
	defer stop()
	for _, want := range wants {
		eventually(c.t, want, func() bool {
			return slices.ContainsFunc(told(c.sink.Proofs()), func(got string) bool { return alike(got, want) })
		})
	}
}

// Whoever can write to the bucket can put a file under a digest file's name, also
// under one that all of the trail's own come before.
func TestAFileWithALateNameHidesNoDigestFile(t *testing.T) {
	c := newChainTest(t)
	c.put(c.logs[0], c.digests[0])
	c.until(nine.Add(5*time.Minute), "08:00-09:00 complete")
	c.put(c.fake("2026/11/16", "20261116T235900Z"), c.fake("2026/11/16", "20261116T101500Z"), c.fake("2099/01/01", "20990101T000000Z"))
	c.until(nine.Add(20*time.Minute), "09:15-10:15 altered", "…T235900Z.json.gz: its signature", "…20990101T000000Z.json.gz: its signature")
	for _, p := range c.sink.Proofs() {
		if p.To.After(time.Now().Add(time.Hour)) && p.To.After(nine.Add(2*time.Hour)) {
			t.Errorf("a proof of the future: %+v", p)
		}
	}
	c.put(c.logs[1], c.digests[1])
	c.until(nine.Add(65*time.Minute), "09:00-10:00 complete")
	c.put(c.logs[2], c.digests[2])
	c.until(nine.Add(125*time.Minute), "10:00-11:00 complete")
}

func TestAFileThatCannotBeCheckedHoldsUpNoOtherTrail(t *testing.T) {
	c := newChainTest(t)
	c.cfg.Endpoint = c.cloud.Refusing(func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "_a-first_")
	})
	first := c.Beside(c.Account, c.Region)
	first.Name = "a-first"
	c.put(first.Digest(nine), c.logs[0], c.digests[0])
	c.until(nine.Add(5*time.Minute), "08:00-09:00 complete")
}

func TestAnObjectThatIsRefusedIsMissingAfterAWhileAndIsLookedForAgain(t *testing.T) {
	c := newChainTest(t)
	var refused atomic.Value
	refused.Store("")
	c.cfg.Endpoint = c.cloud.Refusing(func(r *http.Request) bool {
		bad := refused.Load().(string)
		return bad != "" && strings.HasSuffix(r.URL.Path, bad)
	})
	c.put(c.logs[0], c.digests[0])
	c.until(nine.Add(5*time.Minute), "08:00-09:00 complete")
	refused.Store(c.logs[1].Key)
	c.put(c.logs[1], c.digests[1], c.logs[2], c.digests[2])
	c.until(nine.Add(6*time.Hour), "09:00-10:00 missing …access is denied", "10:00-11:00 complete")
	refused.Store("")
	c.until(nine.Add(6*time.Hour), "09:00-10:00 complete")

	next := c.Digest(nine.Add(3 * time.Hour))
	refused.Store(next.Key)
	c.put(next, c.Digest(nine.Add(4*time.Hour)))
	c.until(nine.Add(9*time.Hour), "11:00-12:00 missing …access is denied", "12:00-13:00 complete")
	refused.Store("")
	c.until(nine.Add(9*time.Hour), "11:00-12:00 complete")
}

func TestTheFolderOfATrailThatIsDeletedWholeIsMissed(t *testing.T) {
	c := newChainTest(t)
	c.put(c.logs[0], c.digests[0])
	c.until(nine.Add(5*time.Minute), "08:00-09:00 complete")
	c.cloud.Remove(c.digests[0].Key)
	c.until(nine.Add(6*time.Hour), "09:00-10:00 missing …no digest file after")
}

func TestDigestFilesThatCannotBeListedAreMissing(t *testing.T) {
	c := newChainTest(t)
	c.put(c.logs[0], c.digests[0])
	c.until(nine.Add(5*time.Minute), "08:00-09:00 complete")
	c.cfg.Endpoint = c.cloud.Refusing(func(r *http.Request) bool {
		return r.URL.Query().Has("list-type")
	})
	c.until(nine.Add(6*time.Hour), "09:00-10:00 missing …could be checked: listing")
}

func TestAClockThatWasAheadHidesNothing(t *testing.T) {
	c := newChainTest(t)
	c.put(c.logs[0], c.digests[0])
	c.until(nine.Add(5*time.Minute), "08:00-09:00 complete")
	c.until(nine.AddDate(4, 0, 0), "09:00-10:00 missing …no digest file after")
	c.put(c.logs[1], c.digests[1], c.logs[2], c.digests[2])
	c.until(nine.Add(125*time.Minute), "10:00-11:00 complete")
}

// A list of log files takes many times its size in memory.
func TestTheListOfADigestFileIsNotReadBeforeItIsTrusted(t *testing.T) {
	m := newMorning(trailtest.New("acme-trail", "111122223333", "eu-west-1"))
	content, _, _ := strings.Cut(string(trailtest.Unpack(m.digests[0].Body)), `"logFiles":[`)
	packed := trailtest.Pack([]byte(content + `"logFiles":[{}` + strings.Repeat(",{}", 1<<20) + `]}`))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := cloudtrail.Checked(packed, m.Bucket, m.digests[0].Key, m.digests[0].Metadata["signature"], "SHA256withRSA", &m.Key.PublicKey); err == nil {
		t.Error("it is taken for the trail's own")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("it took %d MB", took>>20)
	}
}
