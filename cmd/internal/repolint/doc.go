// Package repolint holds the rules of this repository that no compiler checks, as tests: which package may import which,
// what must be documented, what must not be written. Each broken rule prints the reason that the rule exists for.
//
// Guarantees: every Go file is read, those for other operating systems too. Nothing is downloaded or built.
//
// Non-guarantees: the contents of generated files; the tests beside their generators compare those.
package repolint
