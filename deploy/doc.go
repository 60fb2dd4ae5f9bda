// Package deploy is what Reko is run with (docs/operations.md), and checks of it: of the files here, and of Dockerfile, compose.yaml and
// .dockerignore, which stand where their tools look for them. It is a module of its own, since the parsers that the checks use
// are no dependencies of Reko.
package deploy
