"""The kubelet: makes the containers of one node be what the API says its pods are, and says what they have become."""
