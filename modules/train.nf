process TRAIN {
    tag "${[slices].flatten().size()} scans"
    label 'training'
    label 'gpu'

    input:
    path slices, stageAs: 'slices/*'
    val code

    output:
    path 'model', emit: model

    script:
    def start = task.ext.gpus > 1 ? "torchrun --standalone --nproc-per-node ${task.ext.gpus} \$(command -v train.py)" : 'train.py'
    """
    export OMP_NUM_THREADS=${Math.max(1, task.cpus.intdiv(task.ext.gpus))}
    ${start} slices/* --out model --checkpoints checkpoints ${task.ext.args}
    """

    stub:
    """
    train.py --help > /dev/null
    mkdir model
    touch model/{diffusion,embedding,training_scans}.safetensors model/config.json
    """
}
