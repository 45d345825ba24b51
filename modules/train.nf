process TRAIN {
    tag "${[slices].flatten().size()} scans"
    label 'training'
    label 'gpu'

    input:
    path slices, stageAs: 'slices/*'
    val gpus
    val args
    val code

    output:
    path 'model', emit: model

    script:
    def start = gpus > 1 ? "torchrun --standalone --nproc-per-node ${gpus} \$(command -v train.py)" : 'train.py'
    """
    export OMP_NUM_THREADS=${Math.max(1, task.cpus.intdiv(gpus))}
    ${start} slices/* --out model --checkpoints checkpoints ${args}
    """

    stub:
    """
    train.py --help > /dev/null
    mkdir model
    touch model/{diffusion,embedding,training_scans}.safetensors model/config.json
    """
}
