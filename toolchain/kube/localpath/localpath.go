// Package localpath provisions PersistentVolumes as folders of the one node of the embedded cluster.
//
// Volumes are of type "local", so the kubelet applies fsGroup to them; "hostPath" volumes would stay owned by root
// and a non-root database could not write. Folders live below one root and are removed with their volume.
package localpath

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// ProvisionerName is what the StorageClass names in its field provisioner.
const ProvisionerName = "cryoprotect.io/local-path"

type provisioner struct {
	root string
}

// Provision makes the folder of one claim; it keeps an existing folder, so a crash before the API write is repaired
// by the next try.
func (p *provisioner) Provision(_ context.Context, options controller.ProvisionOptions) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	if options.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, fmt.Errorf("claim %s/%s: no node selected; the StorageClass needs volumeBindingMode WaitForFirstConsumer", options.PVC.Namespace, options.PVC.Name)
	}
	path := filepath.Join(p.root, options.PVName)
	if err := os.MkdirAll(path, 0o770); err != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("make volume folder: %w", err)
	}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: options.PVC.Spec.Resources.Requests[v1.ResourceStorage]},
			PersistentVolumeSource:        v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: path}},
			NodeAffinity: &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
				MatchExpressions: []v1.NodeSelectorRequirement{{
					Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{options.SelectedNodeName},
				}},
			}}}},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the folder of a released volume and refuses a path outside its root.
func (p *provisioner) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	if volume.Spec.Local == nil || filepath.Dir(volume.Spec.Local.Path) != filepath.Clean(p.root) {
		return fmt.Errorf("volume %s is not a folder of %s; delete it by hand", volume.Name, p.root)
	}
	if err := os.RemoveAll(volume.Spec.Local.Path); err != nil {
		return fmt.Errorf("remove folder of volume %s: %w", volume.Name, err)
	}
	return nil
}

// NewCommand builds the command "local-path", which runs until it is stopped.
func NewCommand() *cobra.Command {
	var kubeconfig, root string
	command := &cobra.Command{
		Use:          "local-path",
		Short:        "Provision PersistentVolumes as folders of this node",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return fmt.Errorf("build Kubernetes client: %w", err)
			}
			controller.NewProvisionController(
				command.Context(), client, ProvisionerName, &provisioner{root: root}, controller.LeaderElection(false),
			).Run(command.Context())
			return nil
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig of an identity that may manage volumes")
	command.Flags().StringVar(&root, "root", "", "folder that holds one folder per volume")
	for _, flag := range []string{"kubeconfig", "root"} {
		if err := command.MarkFlagRequired(flag); err != nil {
			panic(err)
		}
	}
	return command
}
