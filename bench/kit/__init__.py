"""The benchmark kit: providers side by side, interleaved, stored as flat records."""
