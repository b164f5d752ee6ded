"""TensorBoard for experiments: Results of any backend mirrored into a directory of event files, and the server over it.

What reads Results belongs to expsdk.analysis and the backends; what one trial's event files are, to the job's half.
"""
