"""The sides of the chain benchmarks, each a program of its own: ours, web3.py's, ethers'."""
