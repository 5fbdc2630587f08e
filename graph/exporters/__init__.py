"""A graph in other people's formats: Kubernetes manifests, and a Terraform plan for scanners that read nothing else."""
