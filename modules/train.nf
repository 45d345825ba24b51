process TRAIN {
    tag "${[slices].flatten().size()} scans"
    label 'training'
    label 'gpu'

    input:
    path slices, stageAs: 'slices/*'
    val code

    output:
    path 'model', emit: model
    path 'published/model/*', emit: published

    script:
    def start = task.ext.gpus > 1 ? "torchrun --standalone --nproc-per-node ${task.ext.gpus} \$(command -v train.py)" : 'train.py'
    """
    export OMP_NUM_THREADS=${Math.max(1, task.cpus.intdiv(task.ext.gpus))}
    ${start} slices/* --out model --checkpoints checkpoints ${task.ext.args}
    # Apart, and file by file: a folder that Nextflow publishes replaces its namesake with all that a user keeps there
    mkdir published
    cp -R model published
    """

    stub:
    """
    train.py --help > /dev/null
    mkdir -p model published/model
    touch {,published/}model/{diffusion.safetensors,embedding.safetensors,config.json}
    """
}
