// Package people knows who is who: persons and services with their names in
// each product, groups of them, and the exports of directories that tell of
// more of them.
//
// An export is read whole, as text, and never asked for over a network: what it
// said when a policy was loaded is part of that policy. Everything in it is
// bounded, and what is wrong in it is said with its record.
//
// Formats: SCIM 2.0 (RFC 7643, RFC 7644), CSV (RFC 4180) with a header, and the
// externalIdentities of a SAML identity provider in GitHub's GraphQL API.
package people
