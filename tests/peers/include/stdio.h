/* CMSIS-NN includes this header and uses nothing of it. */
