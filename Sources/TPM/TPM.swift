// TPM
