// Package v2 registers one object of a YAML component with the Pulumi engine.
//
// Stands in for kinds.go of the provider's Go SDK while the provider is compiled. The original switches over every
// kind of every API group so that Go programs get typed results; the provider only needs the registration itself,
// and the switch makes the compiler read the whole typed SDK. Objects keep the same type tokens and inputs.
package v2

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// builtinGroups are the API groups without a dot; all others that Kubernetes itself serves end in ".k8s.io".
var builtinGroups = map[string]bool{"": true, "apps": true, "autoscaling": true, "batch": true, "extensions": true, "policy": true}

// IsListKind tells whether the kind is a list of a built-in kind, which the caller expands into its items.
func IsListKind(apiVersion, kind string) bool {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		group = ""
	}
	return strings.HasSuffix(kind, "List") && (builtinGroups[group] || strings.HasSuffix(group, ".k8s.io"))
}

// RegisterResource registers one object under the token of its API version and kind.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	var resource apiextensions.CustomResource
	token := fmt.Sprintf("kubernetes:%s:%s", apiVersion, kind)
	if err := ctx.RegisterResource(token, name, props, &resource, opts...); err != nil {
		return nil, err
	}
	return &resource, nil
}
