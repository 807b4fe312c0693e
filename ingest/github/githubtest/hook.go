package githubtest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// attempt is one try to deliver an event.
type attempt struct {
	ID         int64     `json:"id"`
	GUID       string    `json:"guid"`
	At         time.Time `json:"delivered_at"`
	Redelivery bool      `json:"redelivery"`
	Duration   float64   `json:"duration"`
	Status     string    `json:"status"`
	Code       int       `json:"status_code"`
	Event      string    `json:"event"`
	Action     *string   `json:"action"`
	Install    *int64    `json:"installation_id"`
	Repository *int64    `json:"repository_id"`

	body    string
	deleted bool
}

// How a delivery goes.
type How int

// The ways of a delivery.
const (
	Delivered How = iota
	Lost          // never arrives, and GitHub knows
	Swallowed     // never arrives, and somebody answers 200
	Unlisted      // arrives, and is not in GitHub's list
)

// Emit sends an event, and returns its GUID.
func (s *Server) Emit(event, body string, how How) string {
	s.mu.Lock()
	s.events++
	a := attempt{GUID: fmt.Sprintf("%08x-b361-11eb-836d-0e4f3503ccbe", s.events), Event: event, body: body}
	s.mu.Unlock()
	s.try(a, how)
	return a.GUID
}

// try posts an event, if it is not lost on the way, and enters how that went.
func (s *Server) try(a attempt, how How) {
	a.At, a.Duration = s.Now().UTC().Truncate(time.Second), 0.27
	switch how {
	case Lost:
		a.Code, a.Status = 502, "failed to connect to host"
	case Swallowed:
		a.Code, a.Status = 200, "OK"
	default:
		a.Code, a.Status = s.post(a)
	}
	if how == Unlisted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.ID = int64(len(s.attempts)) + 1
	s.attempts = append(s.attempts, a)
}

// post posts an event as GitHub does.
func (s *Server) post(a attempt) (code int, status string) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.Hook, strings.NewReader(a.body))
	if err != nil {
		return 0, "the hook's address is none"
	}
	m := hmac.New(sha256.New, []byte(s.Secret))
	m.Write([]byte(a.body))
	for name, v := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/044aadd", "X-GitHub-Event": a.Event, "X-GitHub-Delivery": a.GUID,
		"X-GitHub-Hook-ID": "7", "X-GitHub-Hook-Installation-Target-ID": "79929171", "X-GitHub-Hook-Installation-Target-Type": "organization",
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(m.Sum(nil)),
	} {
		req.Header.Set(name, v)
	}
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return 0, "failed to connect to host"
	}
	_ = resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return resp.StatusCode, "OK"
	}
	return resp.StatusCode, "Invalid HTTP Response: " + strconv.Itoa(resp.StatusCode)
}

// Delete makes GitHub unable to redeliver an event, though it lists it.
func (s *Server) Delete(guid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.attempts {
		s.attempts[i].deleted = s.attempts[i].deleted || s.attempts[i].GUID == guid
	}
}

// retention is for how long deliveries are listed and can be repeated.
const retention = 3 * 24 * time.Hour

// listDeliveries answers with the newest attempts first.
func (s *Server) listDeliveries(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size < 1 || size > 100 {
		s.t.Errorf("%s: per_page is not from 1 to 100", r.URL)
		size = 30
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := len(s.attempts) - 1
	if c := q.Get("cursor"); c != "" {
		id, err := strconv.Atoi(strings.TrimPrefix(c, "v1_"))
		if err != nil || id < 1 || id > len(s.attempts) {
			s.t.Errorf("%s: no such cursor was given", r.URL)
			refuse(w, http.StatusUnprocessableEntity, "Invalid cursor")
			return
		}
		first = id - 1
	}
	page := []attempt{}
	i := first
	for ; i >= 0 && len(page) < size && s.Now().Sub(s.attempts[i].At) < retention; i-- {
		page = append(page, s.attempts[i])
	}
	if i >= 0 && len(page) == size {
		next := url.Values{"per_page": {strconv.Itoa(size)}, "cursor": {"v1_" + strconv.Itoa(i+1)}}
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?per_page=%d>; rel="first", <%s%s?%s>; rel="next"`, s.URL, r.URL.Path, size, s.URL, r.URL.Path, next.Encode()))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(page)
}

// redeliver repeats a delivery under its GUID.
func (s *Server) redeliver(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	s.mu.Lock()
	if err != nil || id < 1 || id > len(s.attempts) {
		s.mu.Unlock()
		s.t.Errorf("%s: no such delivery is listed", r.URL)
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	a := s.attempts[id-1]
	s.mu.Unlock()
	if a.deleted || s.Now().Sub(a.At) >= retention {
		refuse(w, http.StatusUnprocessableEntity, "This delivery cannot be redelivered")
		return
	}
	a.Redelivery = true
	s.posting.Go(func() { s.try(a, Delivered) }) // GitHub does not wait for it either
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte("{}"))
}

// AppID is the App's id.
const AppID = "12345"

// AppKey makes the App's key, and returns the file that holds it.
func (s *Server) AppKey() string {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	s.appKey = x509.MarshalPKCS1PublicKey(&key.PublicKey)
	path := filepath.Join(s.t.TempDir(), "app.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// isApp says whether a token is one of the App's, which are valid for ten minutes at
// most.
func (s *Server) isApp(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || s.appKey == nil {
		return false
	}
	key, err := x509.ParsePKCS1PublicKey(s.appKey)
	if err != nil {
		return false
	}
	var decoded [3][]byte
	for i, p := range parts {
		if decoded[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return false
		}
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], decoded[2]) != nil {
		return false
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iat, Exp int64
		Iss      string
	}
	if json.Unmarshal(decoded[0], &head) != nil || json.Unmarshal(decoded[1], &claims) != nil {
		return false
	}
	now := s.Now().Unix()
	return head.Alg == "RS256" && claims.Iss == AppID && claims.Iat <= now && claims.Exp > now && claims.Exp-claims.Iat <= 600
}
