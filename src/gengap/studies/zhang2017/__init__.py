"""Zhang, Bengio, Hardt, Recht and Vinyals 2017: the randomization tests on CIFAR-10."""
