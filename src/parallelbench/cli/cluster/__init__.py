"""The texts of `parallelbench cluster`: a page of help, a SLURM job and a KubeRay job."""
