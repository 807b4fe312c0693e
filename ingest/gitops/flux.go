package gitops

import (
	"errors"

	"sidedoor/ingest"
)

// FluxConfig is one Flux: the events that it posts, or its objects watched.
type FluxConfig struct {
	Path              string `yaml:"path"`                // of the URL that events are posted to
	TokenFile         string `yaml:"token-file"`          // holds the bearer token
	SigningSecretFile string `yaml:"signing-secret-file"` // holds the secret of a provider of type generic-hmac
	Watch             `yaml:",inline"`
}

// Validate says what is wrong.
func (c *FluxConfig) Validate() error {
	switch {
	case (c.Path != "") == c.watches():
		return errors.New("flux: it has to have either path, for its events, or kubeconfig, to watch its objects")
	case c.watches():
		if c.TokenFile != "" || c.SigningSecretFile != "" {
			return errors.New("token-file and signing-secret-file belong to path; for the cluster's API the kubeconfig has the credentials")
		}
		return c.validate()
	case c.TokenFile == "" && c.SigningSecretFile == "":
		return errors.New("token-file or signing-secret-file is missing: name the file that holds the secret")
	}
	return errors.Join(ingest.ValidatePath(c.Path), c.unused())
}

// Resolve implements [ingest.Kind].
func (c *FluxConfig) Resolve(path func(string) string) {
	for _, file := range []*string{&c.TokenFile, &c.SigningSecretFile} {
		if *file != "" {
			*file = path(*file)
		}
	}
	c.resolve(path)
}

// Defaults implements [ingest.Kind].
func (c *FluxConfig) Defaults() ingest.Source {
	if c.watches() {
		return ingest.Source{Product: ProductFlux, Service: ServiceObject}
	}
	return ingest.Source{Product: ProductFlux, Service: ServiceEvent}
}

// URLPath implements [ingest.Kind].
func (c *FluxConfig) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *FluxConfig) Open(in ingest.Intake) (ingest.Running, error) {
	if c.watches() {
		return c.open(in, &kustomizations, &helmReleases, &gitRepositories)
	}
	return receive(in, senders{tokenFile: c.TokenFile, secretFile: c.SigningSecretFile}, IdentifyFlux)
}
