// Karpenter with its kwok provider, for tests: nodes are objects, and machine types come from a file.
// Started with a kubeconfig as the first argument, since the options of Karpenter have none; the rest are Karpenter's own flags.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	provider "sigs.k8s.io/karpenter/kwok/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/operator"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] == "--version" {
		fmt.Println(version())
		return
	}
	if err := os.Setenv("KUBECONFIG", os.Args[1]); err != nil {
		panic(err)
	}
	os.Args = append(os.Args[:1], os.Args[2:]...)
	run()
}

func run() {
	// As karpenter-provider-aws names it: by this label offerings of one reservation are told apart.
	cloudprovider.ReservationIDLabel = "karpenter.k8s.aws/capacity-reservation-id"
	ctx, op := operator.NewOperator()
	machines, err := provider.ConstructInstanceTypes(ctx)
	if err != nil {
		panic(err)
	}
	plain := provider.NewCloudProvider(ctx, op.GetClient(), machines)
	cloud := overlay.Decorate(plain, op.GetClient(), op.InstanceTypeStore)
	cluster := state.NewCluster(op.Clock, op.GetClient(), cloud)
	made := controllers.NewControllers(
		ctx, op.Manager, op.Clock, op.GetClient(), op.EventRecorder, cloud, plain, cluster, op.InstanceTypeStore,
	)
	op.WithControllers(ctx, made...).Start(ctx)
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if ok && module.Path == "sigs.k8s.io/karpenter" {
			return module.Version
		}
	}
	return "unknown"
}
