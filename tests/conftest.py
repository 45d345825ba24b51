import os

# Before PyTorch is imported: threads that wait for each other crawl on a machine that does anything else.
os.environ["OMP_NUM_THREADS"] = "1"
