"""Where the jobs of a stage run: in this process, in worker processes, on Ray, or under torchrun."""
