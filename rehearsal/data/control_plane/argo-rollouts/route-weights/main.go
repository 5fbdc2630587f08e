// route-weights stands in for the Gateway API plugin of Argo Rollouts, whose module no proxy serves: the controller asks it for weights of
// a canary, and it writes them into the HTTPRoute as that plugin does (read, change, update; a label while the canary has requests).
// For rehearsals on a control plane of their own. Everything else that the controller may ask of a traffic router does nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"github.com/argoproj/argo-rollouts/rollout/trafficrouting/plugin/rpc"
	"github.com/argoproj/argo-rollouts/utils/plugin/types"
	goPlugin "github.com/hashicorp/go-plugin"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
)

const (
	version    = "1.9.0"
	name       = "argoproj-labs/gatewayAPI"
	inProgress = "rollouts.argoproj.io/gatewayapi-canary"
)

var routes = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}

type router struct {
	kubeconfig string
	client     dynamic.Interface
}

func failed(err error) types.RpcError {
	if err == nil {
		return types.RpcError{}
	}
	return types.RpcError{ErrorString: err.Error()}
}

func (r *router) InitPlugin() types.RpcError {
	config, err := clientcmd.BuildConfigFromFlags("", r.kubeconfig)
	if err == nil {
		r.client, err = dynamic.NewForConfig(config)
	}
	return failed(err)
}

func (r *router) SetWeight(rollout *v1alpha1.Rollout, weight int32, _ []v1alpha1.WeightDestination) types.RpcError {
	canary := rollout.Spec.Strategy.Canary
	var asked struct {
		HTTPRoute string `json:"httpRoute"`
		Namespace string `json:"namespace"`
	}
	if err := json.Unmarshal(canary.TrafficRouting.Plugins[name], &asked); err != nil {
		return failed(err)
	}
	weights := map[string]int64{canary.CanaryService: int64(weight), canary.StableService: int64(100 - weight)}
	return failed(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		client := r.client.Resource(routes).Namespace(asked.Namespace)
		route, err := client.Get(context.TODO(), asked.HTTPRoute, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if written := write(route, weights); written < len(weights) {
			return fmt.Errorf("%d of the two Services of the canary are in HTTPRoute %s", written, asked.HTTPRoute)
		}
		mark(route, weight)
		_, err = client.Update(context.TODO(), route, metav1.UpdateOptions{})
		return err
	}))
}

// write sets the weights of the Services that a route names, and says how many of them it found.
func write(route *unstructured.Unstructured, weights map[string]int64) int {
	found := map[string]bool{}
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	for _, rule := range rules {
		backends, _ := rule.(map[string]any)["backendRefs"].([]any)
		for _, backend := range backends {
			fields := backend.(map[string]any)
			if weight, ours := weights[fields["name"].(string)]; ours {
				fields["weight"] = weight
				found[fields["name"].(string)] = true
			}
		}
	}
	_ = unstructured.SetNestedSlice(route.Object, rules, "spec", "rules")
	return len(found)
}

func mark(route *unstructured.Unstructured, weight int32) {
	labels := route.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	if weight > 0 {
		labels[inProgress] = "in-progress"
	} else {
		delete(labels, inProgress)
	}
	route.SetLabels(labels)
}

func (r *router) UpdateHash(*v1alpha1.Rollout, string, string, []v1alpha1.WeightDestination) types.RpcError {
	return types.RpcError{}
}

func (r *router) SetHeaderRoute(*v1alpha1.Rollout, *v1alpha1.SetHeaderRoute) types.RpcError {
	return types.RpcError{}
}

func (r *router) SetMirrorRoute(*v1alpha1.Rollout, *v1alpha1.SetMirrorRoute) types.RpcError {
	return types.RpcError{}
}

func (r *router) VerifyWeight(*v1alpha1.Rollout, int32, []v1alpha1.WeightDestination) (types.RpcVerified, types.RpcError) {
	return types.Verified, types.RpcError{}
}

func (r *router) RemoveManagedRoutes(*v1alpha1.Rollout) types.RpcError { return types.RpcError{} }

func (r *router) Type() string { return "GatewayAPI" }

func main() {
	kubeconfig := flag.String("kubeconfig", "", "of the cluster whose routes are weighed")
	asked := flag.Bool("version", false, "say the version, and end")
	flag.Parse()
	if *asked {
		fmt.Println(version)
		return
	}
	goPlugin.Serve(&goPlugin.ServeConfig{
		HandshakeConfig: goPlugin.HandshakeConfig{
			ProtocolVersion: 1, MagicCookieKey: "ARGO_ROLLOUTS_RPC_PLUGIN", MagicCookieValue: "trafficrouter",
		},
		Plugins: map[string]goPlugin.Plugin{"RpcTrafficRouterPlugin": &rpc.RpcTrafficRouterPlugin{Impl: &router{kubeconfig: *kubeconfig}}},
	})
}
