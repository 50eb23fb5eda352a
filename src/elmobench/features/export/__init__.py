"""Export the vectors of a text file to one HDF5 or safetensors file."""
