"""What every package uses: errors, files, digests, paths, registries and validation."""
