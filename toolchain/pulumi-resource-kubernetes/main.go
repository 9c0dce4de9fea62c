// Command pulumi-resource-kubernetes serves the Pulumi Kubernetes provider to the engine.
package main

import "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"

// The engine matches this against the version of the Python package pulumi-kubernetes in uv.lock.
const version = "4.27.0"

func main() {
	// The schema serves code generation only; programs in Python carry their own, so an empty one is enough.
	schema := []byte(`{"name":"kubernetes","version":"` + version + `"}`)
	provider.Serve("kubernetes", version, schema, []byte(`{}`))
}
