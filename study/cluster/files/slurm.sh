#!/usr/bin/env bash
#SBATCH --job-name=hemomodel
#SBATCH --nodes=4                # EDIT
#SBATCH --ntasks-per-node=1      # one Ray per node; it uses all CPUs of the next line
#SBATCH --cpus-per-task=16       # EDIT
#SBATCH --time=04:00:00          # EDIT
#SBATCH --exclusive              # `ray symmetric-run` ends with `ray stop`: no other Ray may run on the node
#SBATCH --output=hemomodel-%j.log
# A study on Slurm. The arguments after the script's name are passed to hemomodel-search:
#   sbatch configs/cluster/slurm.sh --name w1 --trials 200
# See docs/cluster.md.
set -euo pipefail

SHARED=${SHARED:-/shared}        # EDIT: a folder that all nodes share
CODE=${CODE:-$SHARED/hemomodel}  # a folder with a .venv in which hemomodel[cluster] is installed, such as the repository
PORT=${PORT:-6379}

cd "$CODE"
export PATH=$CODE/.venv/bin:$PATH
export RAY_AUTH_MODE=token
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300  # seconds; 30 is too short with a busy file server
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)

# From Slurm 22.05 on, srun no longer takes --cpus-per-task from the job.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
  --cpus-per-task="$SLURM_CPUS_PER_TASK" \
  ray symmetric-run --address "$head:$PORT" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus="$SLURM_CPUS_PER_TASK" -- \
  hemomodel-search --address auto --out "$SHARED/studies" "$@"
